"""due -> route -> group -> render -> deliver -> finish: joins storage and channels."""
