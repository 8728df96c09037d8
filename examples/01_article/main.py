from pyrpc.server import Server
from pyrpc.client import Client


class MyService(object):
    def add(self, a, b):
        return a + b


server = Server(MyService)
server.start()

client = Client()
result = client.call('MyService.add', 1, 2)
print(result)
