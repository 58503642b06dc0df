import { Progress } from './meter.tsx'

interface UploadProgressProps {
  /** The share of the bytes that were sent. */
  sent: number
  /** The work of the server once it has all of them. */
  then: string
}

/** Shows how much of a file was sent, and then what the server does with it. */
export const UploadProgress = ({ sent, then }: UploadProgressProps) => (
  <div class="panel live" role="status">
    <Progress share={sent} label="Upload" />
    <p class="quiet">{sent < 1 ? 'Sending' : then} …</p>
  </div>
)
