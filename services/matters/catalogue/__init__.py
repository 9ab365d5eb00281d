"""The catalogue of matters (事项目录): items of the catalogue, their implementations, and the versions of both."""
