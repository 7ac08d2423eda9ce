"""Answering: from an artifact and images to predictions, on ONNX Runtime alone."""
