"""The Xet endpoints (`/xet/...`): what `hf_xet` uploads to, and reads how to rebuild files from."""
