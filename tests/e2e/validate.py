#!/usr/bin/python3
"""validate.py SCHEMA FILE: are these what the schema says, and nothing that it does not say?

FILE has two lines for each value: the name of its definition, a tab and how it came about; then the value itself. For
readers the schema allows keys that it does not know, so that old readers take new reports; here no key may be undocumented.
"""
import json
import sys

import jsonschema


def close(node):
    """Every object of a schema takes its own keys only."""
    if isinstance(node, dict):
        if "properties" in node:
            node["additionalProperties"] = False
        for value in node.values():
            close(value)
    elif isinstance(node, list):
        for value in node:
            close(value)


def no_constant(word):
    raise ValueError(word + " is not JSON")


def complaint(validator, text):
    """What is wrong with one value, or None."""
    if not text.endswith("\n"):
        return "does not end with a newline"
    try:
        value = json.loads(text, parse_constant=no_constant)
    except ValueError as problem:
        return f"is not one JSON value on one line: {problem}"
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    return error and f"{error.json_path}: {error.message[:2000]}"


def main(schema_path, values_path):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    close(schema)
    validators = {}
    failed = 0
    with open(values_path, encoding="utf-8", newline="\n") as file:
        for head in file:
            name, origin = head.rstrip("\n").split("\t", 1)
            if name not in validators:
                one = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/" + name}
                validators[name] = jsonschema.Draft202012Validator(one)
            wrong = complaint(validators[name], next(file))
            if wrong:
                print(f"{origin}\n  as {name}: {wrong}")
                failed += 1
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
