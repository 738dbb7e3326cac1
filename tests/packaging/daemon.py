"""A running daemon for a test, with the small reference model."""

import contextlib
import os
import re
import subprocess


@contextlib.contextmanager
def running_daemon(*options):
    """Its URL, once it is ready. CLIPEMBEDD names the program, CLIPEMBED_REFERENCE the folder with model-a."""
    command = [os.environ["CLIPEMBEDD"], "--listen=127.0.0.1:0", "--precision=fp32", "--log-format=plain",
               f"--model={os.environ['CLIPEMBED_REFERENCE']}/model-a", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = None
            for line in process.stderr:
                if match := re.search(r"listening at (http://\S+)", line):
                    url = match[1]
                if "ready: " in line:
                    break
            else:
                raise RuntimeError(f"{command[0]} ended before it was ready")
            yield url
        finally:
            process.terminate()
            process.stderr.read()
