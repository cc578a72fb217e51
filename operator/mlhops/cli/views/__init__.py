"""What is shown of a model, as pure functions from manifests and a time to frozen dataclasses.

They read plain JSON, so that an object of a newer operator, with words that this version does not know, can be
looked at all the same.
"""
