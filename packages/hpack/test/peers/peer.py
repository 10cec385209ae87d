"""One end of the interop tests: python3-hpack behind the line protocol of interop.test.ts."""

import sys

from hpack import Decoder, Encoder, HeaderTuple, NeverIndexedHeaderTuple

encoder = Encoder()
decoder = Decoder(max_header_list_size=1 << 30)


def encode(fields):
    headers = []
    for field in fields:
        name, value, sensitive = field.split(":")
        kind = NeverIndexedHeaderTuple if sensitive == "1" else HeaderTuple
        headers.append(kind(bytes.fromhex(name), bytes.fromhex(value)))
    return encoder.encode(headers).hex()


def decode(block):
    fields = []
    for field in decoder.decode(bytes.fromhex(block), raw=True):
        sensitive = "0" if field.indexable else "1"
        fields.append(":".join((field[0].hex(), field[1].hex(), sensitive)))
    return " ".join(fields)


for line in sys.stdin:
    command, *arguments = line.rstrip("\n").split(" ")
    answer = ""
    if command == "encode":
        answer = encode(argument for argument in arguments if argument)
    elif command == "decode":
        answer = decode(arguments[0])
    elif command == "encoder-size":
        encoder.header_table_size = int(arguments[0])
    elif command == "decoder-size":
        decoder.max_allowed_table_size = int(arguments[0])
    print(answer)
