"""Settings as the module has them, written as the settings file that it makes when it is built."""

import json


def to_toml(settings: dict, table: tuple[str, ...] = ()) -> str:
    values = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if not isinstance(value, dict)]
    heading = [f"[{'.'.join(table)}]"] if table and values else []
    tables = [to_toml(value, (*table, key)) for key, value in settings.items() if isinstance(value, dict)]
    return "\n".join([*heading, *values, *tables]) + "\n"
