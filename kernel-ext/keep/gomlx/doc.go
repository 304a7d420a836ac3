// Package keepgomlx says what the values of GoMLX are kept by in a notebook whose variables live on from cell to cell: each
// has a stand-in of plain data (see package keep) that is written when a cell ends and gives the value again in the process
// of a later one.
//
//   - a tensor is its shape and content, on no device until it is used;
//   - a model.Store is its variables that have a value and its hyperparameters, random state included; a Variable and a Scope
//     are their place in a store;
//   - a backend is its configuration, and is opened anew, once a process for all that share it;
//   - an Exec is its graph function, backend and store. What it compiled comes from the compile cache where there is one.
//
// What belongs to a device or to a graph that is being built cannot be kept, and says so.
//
// Reading order: adapters.go (the list), tensor.go, store.go, backend.go, exec.go, never.go.
package keepgomlx
