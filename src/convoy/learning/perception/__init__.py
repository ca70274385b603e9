"""The one way in which every perception net is trained, exported and described; each task is a module of its own."""
