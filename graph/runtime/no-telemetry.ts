// ONNX Runtime 1.30 reports its use to its makers unless the environment says otherwise when the library is loaded. A thread has a copy of the
// environment, so the process that starts threads imports this, too.
process.env.ORT_DISABLE_TELEMETRY ??= '1'
