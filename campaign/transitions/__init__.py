"""Every field of a ClinicalModel's spec changed, removed and put back on a serving model."""
