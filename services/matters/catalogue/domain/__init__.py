"""What is true of the catalogue: elements, versions, dates, and how versions differ; imports no framework."""
