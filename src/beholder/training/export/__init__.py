"""From a trained network to an artifact: graphs, int8 model, temperature and thresholds."""
