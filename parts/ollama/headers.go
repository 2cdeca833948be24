//go:build headers

// Package headers pins malgo, whose module carries miniaudio.h. Nothing here is ever compiled: the build tag is
// never set. Ollama's C++ includes miniaudio.h out of a vendor/ folder, which a Go module zip leaves out.
package headers

import _ "github.com/gen2brain/malgo"
