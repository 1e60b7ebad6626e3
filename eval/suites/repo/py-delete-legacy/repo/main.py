import sys

from export import to_json

if __name__ == "__main__":
    sys.stdout.write(to_json([{"invoice": 1, "total": 9900}]) + "\n")
