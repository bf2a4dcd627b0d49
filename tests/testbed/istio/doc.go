// Package istio names the programs of a real mesh that the testbed builds; see tools.go.
package istio
