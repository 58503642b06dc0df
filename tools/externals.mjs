// Packages that are not bundled. onnxruntime-node and webgpu load native libraries, PGlite loads its WebAssembly and its files from
// beside itself, and the SDK of S3 is read when a bucket is used.
export const externals = ['onnxruntime-node', 'webgpu', '@electric-sql/pglite', '@aws-sdk/client-s3']
