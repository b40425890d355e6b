"""What many exercises require alike: the scenarios, and their requirements, stated once.

A suite takes one by naming it twice: in its `requirements.toml` (`shared = ["port-in-use", ...]`) and as an import in
its test file. A test here names its requirement without the exercise, `server.port-in-use`.
"""
