"""Pages of metrics as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families


def labels_of(page: str) -> dict[str, set[str]]:
    """The labels of each metric of a page, by the name with which it is asked for."""
    names = {
        line.split()[2].removesuffix("_total"): line.split()[2]
        for line in page.splitlines()
        if line.startswith("# TYPE")
    }
    return {
        names[family.name]: {
            label for sample in family.samples for label in sample.labels if label != "le"
        }
        for family in text_string_to_metric_families(page)
    }
