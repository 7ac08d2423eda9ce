"""Answering: from an artifact and pictures to predictions, on ONNX Runtime alone."""
