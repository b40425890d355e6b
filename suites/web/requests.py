"""What is wrong with the request of a web client."""

from sockspec.shared.http import body, not_in_lines, values
from sockspec.suite import Fault


def not_only_lines(request: bytes) -> str:
    """What is wrong with the lines of a request, behind which there is nothing."""
    surplus = len(body(request))
    return not_in_lines(request) or (f"behind the blank line there is more ({surplus} bytes)" if surplus else "")


def not_for(host: str) -> Fault:
    """Finds fault with a request whose Host is not that one; the port may be named as well."""

    def fault(request: bytes) -> str:
        stated = values(request, b"host")
        if len(stated) != 1:
            return f"there are {len(stated)} header lines Host, and not one"
        name = stated[0].decode("ascii", "backslashreplace")
        right = name.lower() == host or (name.lower().rpartition(":")[0] == host and name.rpartition(":")[2].isdigit())
        return "" if right else f"Host is `{name}`, and the client was told `{host}`"

    return fault
