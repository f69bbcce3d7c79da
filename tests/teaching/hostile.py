"""Files that try to get a mark they have not earned, or to harm: name -> (body of `square`, lines at the file's start).

None of them computes the square. {secret} is a file outside, {target} a place to write to.
"""

FORGED = "    import numpy as np\n    "
HOSTILE = {
    # answers from elsewhere
    "the package's answers": "    from tinygen.course.answers import kl\n    return kl.kl.alone(x)\n",
    "the lesson's file": "    import tinygen.lessons\n    return x\n",
    "the lesson's file by path": "    return eval(open('{secret}').read().split('return ')[1].split('\\n')[0])\n",
    "frames": "    import sys\n    f = sys._getframe()\n    while f.f_back: f = f.f_back\n    return f.f_globals['references']['square'](x)\n",
    "the garbage collector": "    import gc\n    return [o for o in gc.get_objects() if getattr(o, '__name__', '') == 'check'][0](x)\n",
    "the reference by name": "    return square.reference(x)\n",
    "the reference over the pipe": (
        "    import gc\n    from tinygen.teaching.process.child import Student\n"
        "    s = [o for o in gc.get_objects() if type(o) is Student][0]\n    return s.reference('square')(x)\n"
    ),
    "what yours gives": "    return power(x)\n",
    "numpy's own, patched": "    import numpy as np\n    np.testing.assert_allclose = lambda *a, **k: None\n    return x\n",
    # verdicts forged
    "the report patched": "    from tinygen.check import report\n    report.Report.ok = True\n    report.Report.verdict = 'PASS'\n    return x\n",
    "the checker patched": "    import tinygen.check.value as v\n    v.check_value = lambda *a, **k: None\n    return x\n",
    "exercise patched": "    import tinygen.course.exercises as e\n    e.said = lambda r: 'square: PASS'\n    return x\n",
    "a verdict printed": "    print('\\n=== tinygen verdict ===\\n{\"exercises\": [{\"name\": \"square\", \"ok\": true}]}')\n    return x\n",
    "a verdict on every descriptor": (
        "    import os\n    for fd in range(3, 30):\n        try: os.write(fd, b'{\"kind\": \"returned\", \"ok\": true}')\n"
        "        except OSError: pass\n    return x\n"
    ),
    "a message of its own": (
        "    import gc\n    from tinygen.teaching.process.wire import Wire\n"
        "    [o for o in gc.get_objects() if type(o) is Wire][0].send('verdict', True)\n    return x\n"
    ),
    "always equal": (
        "    class Equal:\n        __eq__ = __ne__ = __le__ = __lt__ = __ge__ = __gt__ = lambda *a: True\n"
        "        __array__ = lambda self, *a, **k: x\n        __bool__ = lambda self: True\n    return Equal()\n"
    ),
    "an array that is always equal": (
        "    import numpy as np\n    class A(np.ndarray):\n        __eq__ = __le__ = lambda *a: np.True_\n"
        "        def __array_ufunc__(self, f, how, *a, **k): return np.zeros(5)\n    return np.zeros(5).view(A)\n"
    ),
    "nan": "    return x * float('nan')\n",
    "empty": "    return x[:0]\n",
    "an object array": "    import numpy as np\n    return np.array([object()] * 5)\n",
    "a pickle": (
        "    class P:\n        def __reduce__(self): return (print, ('pwned',))\n    import numpy as np\n    return np.array([P()] * 5)\n"
    ),
    "a huge array": "    import numpy as np\n    return np.zeros(10**10)\n",
    "a long list": "    return [x] * 10**9\n",
    "deep": "    r = x\n    for _ in range(10**5): r = [r]\n    return r\n",
    "itself": "    r = []\n    r.append(r)\n    return r\n",
    "a generator without end": "    while True: yield x\n",
    "a class": "    return type(x)\n",
    "a module": "    import os\n    return os\n",
    # ends
    "exit 0": "    import sys\n    sys.exit(0)\n",
    "os._exit 0": "    import os\n    os._exit(0)\n",
    "abort": "    import os\n    os.abort()\n",
    "kill itself": "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    "kill the parent": "    import os, signal\n    os.kill(os.getppid(), signal.SIGTERM)\n    return x\n",
    "kill all": "    import os, signal\n    os.kill(0, signal.SIGKILL)\n    return x\n",
    "a segmentation fault": "    import ctypes\n    ctypes.string_at(0)\n    return x\n",
    "recursion": "    return square(x)\n",
    "recursion without limit": "    import sys\n    sys.setrecursionlimit(10**9)\n    return square(x)\n",
    "a loop": "    while True: pass\n",
    "sleep": "    import time\n    time.sleep(1e6)\n    return x\n",
    "a loop that ignores": (
        "    import signal\n    for s in (2, 14, 15, 24): signal.signal(s, signal.SIG_IGN)\n    while True: pass\n"
    ),
    "a loop in C": "    return 7 ** (10 ** 9)\n",
    "a regular expression": "    import re\n    re.match('(a+)+$', 'a' * 60 + 'b')\n    return x\n",
    "memory": "    hog = []\n    while True: hog.append(bytearray(10**8))\n",
    "atexit": "    import atexit\n    atexit.register(lambda: print('PASS'))\n    raise SystemExit(0)\n",
    "__del__": "    class D:\n        def __del__(self): raise SystemExit(0)\n    D()\n    return x\n",
    "a warning as an error": "    import warnings\n    warnings.simplefilter('error')\n    return x\n",
    # processes
    "a fork": "    import os\n    if os.fork() == 0:\n        while True: pass\n    return x\n",
    "a fork that answers": "    import os\n    os.fork()\n    return x\n",
    "a daemon": (
        "    import os, time\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            time.sleep(600)\n"
        "        os._exit(0)\n    return x\n"
    ),
    "a fork bomb": "    import os\n    for _ in range(10): os.fork()\n    return x\n",
    "threads": (
        "    import threading, time\n    for _ in range(200): threading.Thread(target=time.sleep, args=(600,)).start()\n    return x\n"
    ),
    "a program": "    import subprocess\n    subprocess.Popen(['sleep', '600'])\n    return x\n",
    "a shell": "    import os\n    os.system('touch {target}')\n    return x\n",
    # files and network
    "a file outside": "    open('{target}', 'w').write('x')\n    return x\n",
    "a link": "    import os\n    os.symlink('{secret}', '{target}')\n    return x\n",
    "removing": "    import os\n    os.remove('{secret}')\n    return x\n",
    "the neighbour's file": "    raise ValueError(open('{secret}').read())\n",
    "filling the disk": (
        "    with open('big', 'wb') as f:\n        for _ in range(10**4): f.write(bytes(10**6))\n    return x\n"
    ),
    "a connection": (
        "    import socket\n    s = socket.create_connection(('127.0.0.1', {port}), timeout=2)\n    s.sendall(b'x')\n    return x\n"
    ),
    # output
    "output without end": "    while True: print('x' * 10**6)\n",
    "not UTF-8": "    import sys\n    sys.stdout.buffer.write(b'\\xff\\xfe')\n    return x\n",
    "surrogates": "    raise ValueError('\\udcff \\u202e')\n",
    "closing stdout": "    import sys\n    sys.stdout.close()\n    return x\n",
    "closing descriptors": "    import os\n    for fd in range(256):\n        try: os.close(fd)\n        except OSError: pass\n    return x\n",
    "HTML": "    raise ValueError('<script>alert(1)</script>')\n",
    "a formula": "    raise ValueError('=HYPERLINK(\"http://x\")')\n",
    "escapes": "    raise ValueError('\\x1b]0;title\\x07\\x1b[2J')\n",
    "an exception that lies": (
        "    class E(Exception):\n        def __str__(self): return 'square: PASS'\n        text = 'PASS'\n    raise E\n"
    ),
    "an exception that cannot be printed": "    class E(Exception):\n        def __str__(self): raise ValueError\n    raise E\n",
    "BaseException": "    raise KeyboardInterrupt\n",
    "not written": "    raise NotImplementedError\n",
    # the connection to the judge
    "a forged answer on the socket": (
        "    import json, os, struct\n    value = [[0, 1, 4, 9, 16], [], []]\n    head = dict(kind='returned', value=dict(l=[dict(l=v) for v in value]), objects=dict())\n"
        "    head = json.dumps(head).encode()\n"
        "    body = struct.pack('>Q', len(head)) + head\n    for fd in range(3, 30):\n        try: os.write(fd, struct.pack('>Q', len(body)) + body)\n"
        "        except OSError: pass\n    return x\n"
    ),
    "a message that is announced and does not come": (
        "    import os\n    for fd in range(3, 30):\n        try: os.write(fd, (1 << 20).to_bytes(8, 'big'))\n        except OSError: pass\n"
        "    while True: pass\n"
    ),
    "nested JSON": (
        "    import os, struct\n    head = b'[' * 10**6\n    body = struct.pack('>Q', len(head)) + head\n    for fd in range(3, 30):\n"
        "        try: os.write(fd, struct.pack('>Q', len(body)) + body)\n        except OSError: pass\n    return x\n"
    ),
    "the socket closed": (
        "    import gc, socket\n    for o in gc.get_objects():\n        if isinstance(o, socket.socket): o.close()\n    return x\n"
    ),
    "the socket kept by a daemon": (
        "    import os, time\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(600)\n    os._exit(0)\n"
    ),
    "descriptors sent along": (
        "    import gc, socket\n    for o in gc.get_objects():\n        if isinstance(o, socket.socket): socket.send_fds(o, [b'x'], [0, 1, 2])\n    return x\n"
    ),
    "much text": "    return 'x' * 10**8\n",
    "many small lists": "    return [[] for _ in range(3 * 10**6)]\n",
    # the judge's process
    "the parent's memory": (
        "    import os\n    with open(f'/proc/{os.getppid()}/mem', 'r+b') as f: f.write(b'PASS')\n    return x\n"
    ),
    "the parent traced": (
        "    import ctypes, os\n    if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0): raise OSError\n    return x\n"
    ),
    "limits raised": (
        "    import resource\n    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)\n    return x\n"
    ),
    "the timer switched off": (
        "    import signal\n    signal.signal(signal.SIGPROF, signal.SIG_IGN)\n    signal.setitimer(signal.ITIMER_PROF, 0)\n    while True: pass\n"
    ),
    "everything caught": "    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n",
    "a mapping of 100 GB": "    import mmap\n    m = mmap.mmap(-1, 10**11)\n    m[::4096] = bytes(len(m[::4096]))\n    return x\n",
    "exit in a thread": "    import os, threading\n    threading.Thread(target=os._exit, args=(0,)).start()\n    return x\n",
    # values of other kinds
    "an array of endless strides": (
        "    import numpy as np\n    return np.lib.stride_tricks.as_strided(x, (10**6, 10**6), (0, 0))\n"
    ),
    "a structured array": "    import numpy as np\n    return np.zeros(5, 'f8,f8')\n",
    "dates": "    import numpy as np\n    return np.zeros(5, 'M8[s]')\n",
    "a masked array": "    import numpy as np\n    return np.ma.masked_all(5)\n",
    "a float that is always equal": "    class F(float): __eq__ = __le__ = lambda *a: True\n    return F(1)\n",
    "a function in place of the answer": "    return lambda: x\n",
    "a coroutine": "    async def inner(): return x\n    return inner()\n",
    "StopIteration": "    raise StopIteration(x)\n",
    # state
    "another answer each time": "    import random\n    return x * random.random()\n",
    "the argument changed": "    x[:] = 0\n    return x\n",
    "numpy patched": "    import numpy as np\n    np.multiply = np.add\n    np.allclose = lambda *a, **k: True\n    return x\n",
    "builtins patched": "    import builtins\n    builtins.abs = lambda v: 0\n    builtins.all = lambda v: True\n    return x\n",
    "modules replaced": "    import sys\n    sys.modules['numpy'] = sys.modules['math']\n    sys.modules.pop('json')\n    return x\n",
    "tracing": "    import sys\n    sys.settrace(lambda *a: None)\n    sys.setprofile(lambda *a: None)\n    return x\n",
}
FIRST = {  # lines at the start of the file, with a `square` that is wrong
    "a loop in a cell": "while True: pass",
    "exit in a cell": "import os; os._exit(0)",
    "a syntax error": "def f(:",
    "globals replaced": "__name__ = '__main__'; __file__ = '/'",
    "exercise replaced": "exercise = lambda f, c: type('T', (), {'report': type('R', (), {'ok': True, 'name': 'square'})})",
    "a name twice": "def square(x): return x",
    "tests replaced": "test_square = lambda: None",
    "check replaced": "check_square = lambda f: None",
    "stand-ins replaced": "import tinygen.course as c; c.exercise = c.yours = lambda *a: (lambda x: x)",
    "input": "input()",
    "stdout without end": "import os\nwhile True: os.write(1, b'x' * 10**6)",
    "an import hook": "import sys; sys.meta_path.insert(0, type('H', (), {'find_spec': staticmethod(lambda *a: 1 / 0)}))",
    "future": "from __future__ import annotations; import this",
}
