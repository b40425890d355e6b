"""The players of an exercise over UDP: no connection, no end, and every datagram by itself.

They stand where those for TCP stand, and do by the same names what they can do honestly.
"""
