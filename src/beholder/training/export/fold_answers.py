"""What a network that was trained on other images says of those of a fold, as its graph would answer them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from beholder.artifact.graph import MODEL_FILE, Graph
from beholder.data.dataset import Dataset
from beholder.models.costs import layer_costs
from beholder.training.export.graphs import features_graph, write_network
from beholder.training.export.honesty import Outputs, outputs_for
from beholder.training.export.training_features import look_at_training
from beholder.training.export.write_artifact import trained_network, views_of
from beholder.training.settings import Settings


def fold_answers(settings: Settings, weights: list[NDArray[Any]], train: Dataset, held_out: Dataset) -> Outputs:
    """Show the images that are `held_out` to the network of these `weights`, which learned from those of `train`.

    Args:
        settings: what was trained.
        weights: the values of the model's variables, in its order.
        train: what the network learned from; how like its classes an image is, is told by some of these.
        held_out: none of them.
    """
    shape = train.image_shape
    model = trained_network(settings, weights, shape, len(train.class_names))
    with tempfile.TemporaryDirectory(prefix="beholder-") as folder:
        building = Path(folder)
        write_network(building, model, views_of(settings, shape))
        seen = look_at_training(features_graph(building, model), tuple(layer_costs(model)), train)
        return outputs_for(Graph(building / MODEL_FILE), held_out, seen.prototypes)
