package keepgomlx

import (
	"fmt"
	"reflect"
)

// Adapter keeps the values of one type of another package.
type Adapter struct {
	Type reflect.Type
	Kept func(value any) (standIn any, err error)
}

// Adapters lists those of GoMLX's types.
func Adapters() []Adapter {
	all := []Adapter{
		adapter(keptTensorOf), adapter(keptStoreOf), adapter(keptVariableOf), adapter(keptScopeOf),
		adapter(keptGraphExecOf), adapter(keptModelExecOf), adapter(keptXLAOf),
	}
	if b, err := newGo(); err == nil { // whose type has no name outside of GoMLX
		all = append(all, Adapter{reflect.TypeOf(b), keptGoOf})
		b.Finalize()
	}
	return append(all, never()...)
}

// adapter makes an Adapter of what keeps a *T.
func adapter[T any](kept func(*T) (any, error)) Adapter {
	return Adapter{reflect.TypeFor[*T](), func(value any) (any, error) { return kept(value.(*T)) }}
}

// unexported returns the field of a struct of GoMLX that its package does not export.
func unexported[F any](of any, name string) (*F, error) {
	field := reflect.ValueOf(of).Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[F]() {
		return nil, fmt.Errorf("%T of this version of GoMLX cannot be kept", of)
	}
	return (*F)(field.Addr().UnsafePointer()), nil
}
