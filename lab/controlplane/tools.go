//go:build tools

// Gateway API is a dependency for its CRDs (config/crd/standard) alone.
package main

import _ "sigs.k8s.io/gateway-api/apis/v1"
