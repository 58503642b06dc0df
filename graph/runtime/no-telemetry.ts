// ONNX Runtime 1.30 sends telemetry unless this variable is set when the library is loaded. A thread gets a copy of the
// environment, so every process that starts threads also imports this module.
process.env.ORT_DISABLE_TELEMETRY ??= '1'
