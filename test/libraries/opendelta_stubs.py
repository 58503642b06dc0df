"""Lets opendelta 0.3.2 be imported: it imports a client of its hub and a stray turtle, and uses neither of them here."""

import sys
import types

for name, member in (("DeltaCenter", "OssClient"), ("turtle", "back")):
    sys.modules[name] = types.ModuleType(name)
    setattr(sys.modules[name], member, None)
