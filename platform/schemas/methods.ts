import { fieldsOf, findMethod, methods } from '../../model/methods/registry.ts'

/** The configuration fields of each method, by the name of the method. */
export const fieldsByMethod = Object.fromEntries(Object.keys(methods).map((method) => [method, fieldsOf(method)]))

/** Returns the peak learning rate of a method if none is set. @throws GraftError `method_invalid` */
export const defaultLearningRate = (method: string): number => findMethod(method).learningRate
