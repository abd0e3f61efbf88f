"""The models by name: one decorated class in one file of `estimators.models` joins them."""

from knn.registry import Registry

models: Registry[type] = Registry("model", group="implicitbench.models", packages=("estimators.models",))
