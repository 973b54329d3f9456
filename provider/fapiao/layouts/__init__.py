"""Layout files (版式文件): asks for the links of finished tasks, downloads, checks, archives, reads the XML."""
