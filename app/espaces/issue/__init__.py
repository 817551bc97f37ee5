"""L'issue expliquée au porteur : après chaque notification, la décision, les points, la place, ce qui renforcerait."""
