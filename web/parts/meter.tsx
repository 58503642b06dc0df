interface MeterProps {
  /** From 0 to 1. */
  share: number
  /** The name of the measure, for screen readers. */
  label: string
  class?: string
}

/** A bar that is filled to a share. Browsers style their own meters too differently to show them. */
export const Meter = ({ share, label, class: own = '' }: MeterProps) => (
  <span class={`meter ${own}`}>
    <meter class="hidden" min={0} max={1} value={share} aria-label={label} />
    <span style={{ width: `${(100 * Math.min(1, share)).toFixed(2)}%` }} />
  </span>
)

/** The progress of something that takes a while. */
export const Progress = ({ share, label }: { share: number; label: string }) => (
  <progress max={1} value={Math.min(1, share)} aria-label={label} />
)
