"""How things look: meshes and textures made by rule, light and weather."""
