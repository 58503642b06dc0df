"""Uses Graft as an agent in Python does. Prints what it saw as JSON.

The argument is what FastMCP's client connects to: an address, or the configuration of a command as JSON.
"""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.exceptions import ToolError


async def main(target: str) -> None:
    async with Client(json.loads(target) if target.startswith("{") else target) as client:
        tools = await client.list_tools()
        rows = [{"text": "good", "label": 1}, {"text": "bad", "label": 0}]
        added = await client.call_tool("add_dataset", {"name": "from-python", "rows": rows})
        listed = await client.call_tool("list_datasets", {"limit": None, "detail": None})
        counted = await client.call_tool("count_parameters", {"method": "lora", "rank": "8"})
        try:
            await client.call_tool("get_training", {"training": "none"})
            error = None
        except ToolError as refused:
            error = str(refused)
    print(
        json.dumps(
            {
                "tools": [tool.name for tool in tools],
                "added": added.structured_content,
                "text": json.loads(added.content[0].text),
                "listed": listed.structured_content,
                "counted": counted.structured_content,
                "error": error,
            }
        )
    )


asyncio.run(main(sys.argv[1]))
