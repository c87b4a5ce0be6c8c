"""nginx: static, compressed, included and proxied pages under ab; the bodies compared"""

import os
import re
import signal

NEEDS = {"nginx": "nginx", "ab": "apache2-utils", "curl": "curl"}

CONFIG = """
daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log access.log;
    client_body_temp_path body_temp;
    proxy_temp_path proxy_temp;
    fastcgi_temp_path fastcgi_temp;
    uwsgi_temp_path uwsgi_temp;
    scgi_temp_path scgi_temp;
    types {{ text/html html; text/plain txt; }}
    keepalive_requests 1000;
    server {{
        listen 127.0.0.1:{port};
        root www;
        location / {{ gzip on; gzip_types text/plain; gzip_min_length 100; ssi on; }}
        location /again/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_buffers 4 8k; }}
    }}
}}
"""

PAGES = ["small.txt", "large.txt", "included.html", "again/large.txt", "again/included.html"]


def load(run):
    port = run.port()
    # As root it would become a user that cannot leave the proof of having been served.
    user = "" if os.getuid() else "user root;"
    run.write("nginx.conf", CONFIG.format(port=port, user=user))
    run.write("www/small.txt", run.words(1000))
    run.write("www/large.txt", run.words(1_000_000))
    run.write("www/included.html", '<p>a<!--#include virtual="/small.txt" --></p>\n' * 10)
    server = run.start(["nginx", "-p", f"{run.dir}/", "-e", "error.log", "-c", "nginx.conf"], stop_signal=signal.SIGQUIT)
    run.wait_until(server, lambda: run.answers(port))
    for page in PAGES:
        url = f"http://127.0.0.1:{port}/{page}"
        run.call(["curl", "-sS", url])
        run.call(["curl", "-sS", "--compressed", url])
    requests = {"small.txt": 30_000, "large.txt": 2_000, "again/large.txt": 1_000, "again/included.html": 3_000}
    for page, count in requests.items():
        url = f"http://127.0.0.1:{port}/{page}"
        report = run.call(["ab", "-q", "-k", "-c", 16, "-n", count * run.scale, "-H", "Accept-Encoding: gzip", url], compare=False)
        run.note("\n".join(re.findall(r"^(?:Complete|Failed|Non-2xx).*|^Document Length.*", report, re.M)))
    # The master and its two workers.
    run.finish(server, stop=True, served=3)
