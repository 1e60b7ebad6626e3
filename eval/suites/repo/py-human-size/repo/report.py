import sys

import files


def main():
    entries = files.walk(sys.argv[1])
    for path, size in sorted(entries, key=lambda entry: -entry[1])[:10]:
        print(size, path)
    print(files.total_size(entries), "in total")


if __name__ == "__main__":
    main()
