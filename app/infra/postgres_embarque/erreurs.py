"""Le refus de la brique PostgreSQL : une phrase qui dit quoi faire."""


class GrappeIndisponible(RuntimeError):
    """La grappe ne peut pas être créée, lancée, rejointe ou servie ; le message dit pourquoi et quoi faire."""
