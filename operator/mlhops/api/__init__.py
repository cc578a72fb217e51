"""`mlhops.io/v1alpha1`: the single source of the CRDs and of every type that crosses a layer."""

GROUP = "mlhops.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
