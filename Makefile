PYTHON ?= python3
BIN := .venv/bin

.PHONY: generate
generate:
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=sdk/python/src --grpc_python_out=sdk/python/src \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --mypy_out=quiet:sdk/python/src --mypy_grpc_out=quiet:sdk/python/src $$(find proto -name '*.proto' | sort)
