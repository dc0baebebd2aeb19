"""The command, started beside a gateway."""

import subprocess

from conftest import SLUICE, clean_environment


def start(*arguments, gateway=None, token=None, **options):
    variables = options.pop("environment", {})
    if gateway:
        variables = {"SLUICE_URL": gateway.url, "SLUICE_CA": gateway.ca,
                     "SLUICE_TOKEN": token or gateway.token("scanner", scope="ingest", scans=["*"])} | variables
    pipe = subprocess.PIPE
    options = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "text": True} | options
    return subprocess.Popen([SLUICE, *map(str, arguments)], env=clean_environment(**variables), **options)


def sluice(*arguments, input=None, **options):
    if input is not None:
        options["stdin"] = subprocess.PIPE
    process = start(*arguments, **options)
    try:
        process.stdout_text, process.stderr_text = process.communicate(input, timeout=40)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def types(gateway, scan):
    return [message["type"] for message in gateway.messages(scan)]
