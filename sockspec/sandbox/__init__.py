"""The sandbox: a submission, the suite and nothing else in a container of their own, through the docker SDK.

`image` makes what the containers are made of, `container` runs one and hears what it says, `inside` is what runs in it,
`wire` what the two tell each other, `run` a whole check from here to there and back.
"""
