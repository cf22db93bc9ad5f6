"""What the cases of several files do to the data before the call."""


def trained(*changes):
    """Data with a model, changed in turn."""
    return lambda world: world.trained(*changes)


def drop(field, name):
    return lambda data: getattr(data, field).__delitem__(name)


def put(field, name, value):
    def change(data):
        getattr(data, field)[name] = value

    return change
