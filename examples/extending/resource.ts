// A kind of MCP resource: agents read a data set at graft://datasets/{id}.
import type { ResourceKind } from '../../mcp/resources.ts'
import { getDataset, listDatasets } from '../../platform/use-cases/datasets.ts'

// #region resource
export const datasets: ResourceKind = {
  name: 'datasets',
  title: 'Data set',
  description: 'The size, labels and duplicates of a data set.',
  scope: 'train',
  get: getDataset,
  listNewest: listDatasets,
}
// #endregion
