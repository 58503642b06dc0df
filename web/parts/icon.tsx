/** The paths of icons on a grid of 16 by 16. */
const paths = {
  brand: 'M8 14V7M8 10C8 6.5 6 4 2.5 4c0 3.5 2 6 5.5 6M8 8c0-3 2-5 5.5-5C13.5 6 11.5 8 8 8',
  home: 'M2.5 7.5 8 3l5.5 4.5M4 6.5V13h8V6.5',
  trainings: 'M2.5 3v10h11M5 10l2.5-3 2 1.5L13 4.5',
  data: 'M3 4.5C3 2.5 13 2.5 13 4.5S3 6.5 3 4.5v7c0 2 10 2 10 0v-7M3 8c0 2 10 2 10 0',
  adapters: 'M8 2 2.5 5 8 8l5.5-3L8 2ZM2.5 8 8 11l5.5-3M2.5 11 8 14l5.5-3',
  compare: 'M4.5 13V6M8 13V3M11.5 13V8.5',
  playground: 'M3 3h10v7.5H7L4.5 13v-2.5H3z',
  plus: 'M8 3v10M3 8h10',
  arrow: 'M3 8h10M9 4l4 4-4 4',
} as const

export type IconName = keyof typeof paths

/** An icon that says nothing to screen readers; words beside it do. */
export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path
      d={paths[name]}
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linejoin="round"
      stroke-linecap="round"
    />
  </svg>
)
