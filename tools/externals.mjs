// Packages that are not bundled. onnxruntime-node and webgpu load native libraries, PGlite loads WebAssembly and files
// from its own folder, and the S3 SDK is loaded only if a bucket is used.
export const externals = ['onnxruntime-node', 'webgpu', '@electric-sql/pglite', '@aws-sdk/client-s3']

/** Packages that users install if they need them. They are loaded on use. */
export const peers = ['@huggingface/transformers']
