"""Start a node, and call it from a client that knows nothing of pyrpc: see client.py."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

command = [sys.executable, "-m", "pyrpc", "serve", f"{HERE / 'stages.py'}:distances", "--port", "0"]
node = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
try:
    port = node.stdout.readline().rpartition(":")[2].strip()
    subprocess.run([sys.executable, HERE / "client.py", port], check=True)
finally:
    node.terminate()
    node.wait()
    node.stdout.close()
