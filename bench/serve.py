"""Serves an application as `offset serve` does, or plainly: `bench.serve APP PORT [whole]`."""

import sys

import uvicorn

from offset.serving import WholeAnswers


def main(app: str, port: str, how: str = "plain") -> None:
    """Serve on 127.0.0.1 until the process is told to stop, and log nothing of a request."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(port),
        http=WholeAnswers if how == "whole" else "auto",
        ws="none",
        proxy_headers=False,
        server_header=False,
        log_level="warning",
        access_log=False,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
