// A target for precompiled headers needs one source.
