// Every message between Python and the viewer, as types; messages.py says what each of them is, and a test compares the
// two. Below them what the viewer makes of messages.

/**
/**
 * @typedef {object} Sample
 * @property {string} name
 * @property {string} thumbnail
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 */

/**
 * @typedef {object} Source
 * @property {string} [sample]
 * @property {string} [picture]
 */

/**
 * @typedef {object} LambdaRange
 * @property {number} min
 * @property {number} max
 */

/**
 * @typedef {object} LambdaAxis
 * @property {number} min
 * @property {number} max
 * @property {number} start
 */

/**
 * @typedef {object} Rival
 * @property {string} name
 * @property {string} label
 * @property {string} about
 * @property {string} suffix
 * @property {string} knob
 * @property {string} unit
 * @property {string} reason
 * @property {number} minimum
 * @property {number} maximum
 * @property {boolean} integer
 * @property {number[] | null} steps
 */

/**
 * @typedef {object} MeanPoint
 * @property {number} bpp
 * @property {number} psnr
 * @property {number | null} ms_ssim
 * @property {number} [ssimulacra2]
 */

/**
 * @typedef {object} MeanSetting
 * @property {number} setting
 * @property {MeanPoint} point
 */

/**
 * @typedef {object} Palette
 * @property {"diverging" | "sequential"} kind
 * @property {string[]} colors
 */

/**
 * @typedef {object} Step
 * @property {Record<string, any>} state
 * @property {string} at
 * @property {string} text
 */

/**
 * @typedef {object} Lesson
 * @property {string} id
 * @property {string} title
 * @property {string} about
 * @property {Step[]} steps
 */

/**
 * @typedef {object} Figure
 * @property {Record<string, any>[]} data
 * @property {Record<string, any>} layout
 * @property {Record<string, any>} config
 * @property {number} enough
 */

/**
 * @typedef {object} Constants
 * @property {number} element
 * @property {number[]} paper_lambdas
 * @property {string} own_lambda
 * @property {number} factor_max
 * @property {number} ms_ssim_side
 * @property {number} ssimulacra2_side
 * @property {number} ssimulacra2_pixels
 * @property {number} bytes_tolerance
 * @property {number} samples_per_octave
 * @property {number} tile
 */

/**
 * @typedef {object} Setup
 * @property {boolean} offline
 * @property {string[]} models
 * @property {string} model
 * @property {Sample[]} samples
 * @property {Source} source
 * @property {LambdaAxis} lmbda
 * @property {number} maxUpload
 * @property {Rival[]} rivals
 * @property {string[]} chosen
 * @property {Record<string, MeanSetting[]> | null} means
 * @property {Figure} figure
 * @property {Record<string, Palette>} palettes
 * @property {Lesson[]} lessons
 * @property {Constants} constants
 */

/**
 * @typedef {object} Prior
 * @property {string} model
 * @property {string} prior
 */

/**
 * @typedef {object} PictureRange
 * @property {number} min
 * @property {number} max
 * @property {number} [steps]
 * @property {string} [reason]
 */

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {number} kernel
 * @property {number} stride
 * @property {boolean} enlarges
 * @property {number} channels
 * @property {string} modulator
 */

/**
 * @typedef {object} OpenedPicture
 * @property {string} id
 * @property {string} name
 * @property {string} model
 * @property {string[]} notes
 * @property {string | null} sample
 * @property {string | null} missing
 * @property {PictureRange} lmbda
 * @property {number} width
 * @property {number} height
 * @property {boolean} large
 * @property {number} channels
 * @property {Prior[]} priors
 * @property {Stage[]} stages
 * @property {string[]} modulators
 * @property {string | null} fixed
 * @property {string} map
 */

/**
 * @typedef {object} Point
 * @property {string} codec
 * @property {string} version
 * @property {Record<string, number | string>} knob
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 * @property {number | null} estimated_bits
 * @property {number} bpp
 * @property {number | null} [psnr]
 * @property {number | null} [ms_ssim]
 * @property {number | null} [ssimulacra2]
 * @property {number} [encode_s]
 * @property {number} [decode_s]
 */

/**
 * @typedef {object} Size
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} PictureHeader
 * @property {number} width
 * @property {number} height
 * @property {string} picture
 */

/**
 * @typedef {object} Box
 * @property {number[]} box
 * @property {number} reduce
 */

/**
 * @typedef {object} PartHeader
 * @property {number} width
 * @property {number} height
 * @property {string} picture
 * @property {number[]} box
 * @property {number} reduce
 */

/**
 * @typedef {object} Region
 * @property {number} share
 * @property {number | null} psnr
 * @property {number} [bits]
 */

/**
 * @typedef {object} FrameHeader
 * @property {number} width
 * @property {number} height
 * @property {string} picture
 * @property {number[]} box
 * @property {number} reduce
 * @property {number} lmbda
 * @property {number} level
 * @property {string} map
 * @property {number} map_bytes
 * @property {Point | null} point
 * @property {Record<string, Region> | null} regions
 * @property {number | null} estimated_bits
 * @property {number | null} side_bits
 * @property {number | null} pace
 * @property {Record<string, any>} wishes
 */

/**
 * @typedef {object} Numbers
 * @property {number} lmbda
 * @property {number} level
 * @property {Point} point
 * @property {Record<string, Region> | null} regions
 * @property {number} side_bits
 */

/**
 * @typedef {object} Seen
 * @property {Point} point
 */

/**
 * @typedef {object} Match
 * @property {"rate" | "quality"} [by]
 * @property {number | null} [gap]
 * @property {boolean} [reached]
 * @property {"lowest" | "highest" | null} [limit]
 */

/**
 * @typedef {object} RivalHeader
 * @property {number[]} box
 * @property {number} reduce
 * @property {number} width
 * @property {number} height
 * @property {string} picture
 * @property {"rate" | "quality"} [by]
 * @property {number | null} [gap]
 * @property {boolean} [reached]
 * @property {"lowest" | "highest" | null} [limit]
 * @property {string} codec
 * @property {number} setting
 * @property {Point} point
 * @property {Record<string, Region> | null} regions
 */

/**
 * @typedef {object} ModulationHeader
 * @property {number[]} lambdas
 */

/**
 * @typedef {object} PointLine
 * @property {string} series
 * @property {number} setting
 * @property {Point} point
 */

/**
 * @typedef {object} DoneLine
 * @property {string} series
 * @property {true} done
 * @property {string} [error]
 */

/**
 * @typedef {object} Target
 * @property {number} lmbda
 */

/**
 * @typedef {object} SearchWait
 * @property {number} waiting
 */

/**
 * @typedef {object} SearchPart
 * @property {number} done
 * @property {number} of
 * @property {number} seconds
 * @property {number} change
 */

/**
 * @typedef {object} SearchFound
 * @property {number} lmbda
 * @property {number} level
 * @property {string} map
 * @property {number} effort
 * @property {number} seconds
 * @property {Point} before
 * @property {Point} after
 * @property {Point | null} same
 * @property {number} cost_before
 * @property {number} cost_after
 */

/**
 * @typedef {object} SearchEnd
 * @property {string} error
 */

/**
 * @typedef {object} SearchesOf
 * @property {number[]} seconds
 * @property {SearchFound[]} found
 */

/**
 * @typedef {object} SweepPart
 * @property {number} done
 * @property {number} of
 */

/**
 * @typedef {object} SweepFile
 * @property {string} name
 * @property {string} type
 * @property {string} data
 */

/**
 * @typedef {object} Failure
 * @property {string} error
 */

/**
 * @typedef {object} Planes
 * @property {number[]} shape
 * @property {number} side_bits
 * @property {string[]} further
 * @property {number} [side_stride]
 */

/**
 * @typedef {object} PlanesArrays
 * @property {Int16Array} symbols
 * @property {Float32Array} bits
 * @property {Float32Array} positions
 * @property {Int16Array} low
 * @property {Int16Array} count
 * @property {Float32Array} probabilities
 * @property {Float32Array} [y]
 * @property {Float32Array} [decoded]
 * @property {Float32Array} [side]
 */

/**
 * @typedef {object} Plane
 * @property {number[]} [shape]
 * @property {number} [stride]
 */

/**
 * @typedef {object} PlaneArrays
 * @property {Float32Array} [values]
 */

/**
 * @typedef {object} Edit
 * @property {number} estimated_bits
 * @property {number | null} [psnr]
 * @property {number | null} [ms_ssim]
 */

/**
 * @typedef {object} EditArrays
 * @property {Uint8Array} pixels
 */

/**
 * @typedef {object} Kept
 * @property {number} estimated_bits
 * @property {number | null} [psnr]
 * @property {number | null} [ms_ssim]
 * @property {number} elements
 * @property {number} kept_bits
 */

/**
 * @typedef {object} KeptArrays
 * @property {Uint8Array} pixels
 * @property {Float32Array} positions
 * @property {Float32Array} channels
 * @property {Float32Array} [mse]
 */

/**
 * @typedef {object} Response
 * @property {number} amplitude
 * @property {number} top
 * @property {number} left
 * @property {number} side
 */

/**
 * @typedef {object} ResponseArrays
 * @property {Float32Array} pixels
 */

/**
 * @typedef {object} RatioSystem
 * @property {string} [missing]
 * @property {number[]} [shape]
 * @property {[number, number]} [lambdas]
 * @property {number} [masked]
 * @property {number | null} [spread]
 */

/**
 * @typedef {object} Ratio
 * @property {[number, number]} lambdas
 * @property {number} floor
 * @property {string} kind
 * @property {Record<string, RatioSystem>} systems
 */

/**
 * @typedef {object} RatioArrays
 * @property {Float32Array} [model_value]
 * @property {Uint8Array} [model_flipped]
 * @property {Float32Array} [model_spread]
 * @property {Float32Array} [model_median]
 * @property {Float32Array} [bottleneck_value]
 * @property {Uint8Array} [bottleneck_flipped]
 * @property {Float32Array} [bottleneck_spread]
 * @property {Float32Array} [bottleneck_median]
 * @property {Float32Array} [independent_value]
 * @property {Uint8Array} [independent_flipped]
 * @property {Float32Array} [independent_spread]
 * @property {Float32Array} [independent_median]
 */

/**
 * @typedef {object} Features
 * @property {string[]} layers
 * @property {number[]} [shape]
 * @property {number} [pooled]
 */

/**
 * @typedef {object} FeaturesArrays
 * @property {Float32Array} [values]
 * @property {Float32Array} [gains]
 */

/**
 * @typedef {object} ErrorArrays
 * @property {Float32Array} mse
 */

/**
 * @typedef {object} Searched
 * @property {number} [effort]
 */

/**
 * @typedef {object} SearchedArrays
 * @property {Float32Array} [bits_before]
 * @property {Float32Array} [mse_before]
 * @property {Float32Array} [bits]
 * @property {Float32Array} [mse]
 */

/**
 * @typedef {object} Local
 * @property {[number, number]} lambdas
 */

/**
 * @typedef {object} LocalArrays
 * @property {Float32Array} bits_a
 * @property {Float32Array} bits_b
 * @property {Float32Array} mse_a
 * @property {Float32Array} mse_b
 */

/**
 * @typedef {object} EmbeddedOriginal
 * @property {PartHeader} header
 * @property {string} webp
 */

/**
 * @typedef {object} EmbeddedFrame
 * @property {FrameHeader} header
 * @property {string} webp
 */

/**
 * @typedef {object} OfflinePage
 * @property {Setup} setup
 * @property {OpenedPicture} opened
 * @property {EmbeddedOriginal} original
 * @property {EmbeddedFrame[]} frames
 */

/**
 * @typedef {object} KeptSweep
 * @property {OfflinePage} page
 * @property {string} plotly
 */

/**
 * @typedef {object} Request
 * @property {string} id
 * @property {string} method
 * @property {string} path
 * @property {string} query
 * @property {boolean} more
 */

/**
 * @typedef {object} BodyPart
 * @property {string} id
 * @property {boolean} more
 */

/**
 * @typedef {object} Taken
 * @property {string} id
 * @property {true} taken
 */

/**
 * @typedef {object} Abort
 * @property {string} id
 * @property {true} abort
 */

/**
 * @typedef {object} Head
 * @property {number} [status]
 * @property {Record<string, string>} [headers]
 */

/**
 * @typedef {object} Part
 * @property {number} [status]
 * @property {Record<string, string>} [headers]
 * @property {string} id
 * @property {boolean} more
 */

/**
 * @typedef {object} Traits
 * @property {number} lmbda
 * @property {string} view
 * @property {number} channel
 * @property {number[]} view_box
 * @property {number[][]} pins
 * @property {Record<string, any>} state
 * @property {number} height
 * @property {string} _model
 * @property {string} _picture
 * @property {string} _map
 * @property {any[]} _shown
 * @property {string} _kept
 */

// ---- what the viewer makes of them ----------------------------------------------------------------------------------

/**
 * Answers by wish, the JSON and the arrays of each together.
 * @typedef {Record<string, any> & { planes?: Planes & PlanesArrays, error?: ErrorArrays }} Answers
 */

/**
 * A reply with a picture: see decodeFrame. pixels: RGB. bytes: what it takes.
 * @template [Header=FrameHeader]
 * @typedef {{ header: Header, pixels: Uint8Array, wishes: Answers, bytes: number }} Frame
 */

/** @typedef {{ box?: number[], reduce?: number, live?: boolean, wishes?: string[], signal?: AbortSignal }} PartQuery */
/** @typedef {{ lmbda: number, map?: string }} At λ, and the text of its map where it has one: see lambdamap.js */
/** @typedef {{ codec: string, by: By | "fixed" | "effort", setting?: number, at: At, box?: number[], reduce?: number }} RivalSearch */
/** @typedef {(At & { effort?: number }) | { codec: string, setting: number, map?: "" }} SeenSearch */
/** @typedef {SearchWait | SearchPart | SearchFound | SearchEnd} SearchLine */
/** @typedef {"rate" | "quality"} By */

/**
 * How the viewer talks to Python: see transport.js.
 * @typedef {object} Transport
 * @property {() => Promise<Setup>} setup
 * @property {(source: Record<string, any>) => Promise<OpenedPicture>} open
 * @property {(id: string, part?: PartQuery) => Promise<Frame<PartHeader>>} pixels
 * @property {(id: string, at: At, part?: PartQuery) => Promise<Frame>} frame
 * @property {(id: string, at: At, signal?: AbortSignal) => Promise<Numbers>} numbers
 * @property {(id: string, search: SeenSearch, signal?: AbortSignal) => Promise<Seen>} seen
 * @property {(id: string, search: RivalSearch, signal?: AbortSignal) => Promise<Frame<RivalHeader>>} rival
 * @property {(model: string) => Promise<Gains>} modulation
 * @property {(id: string, codecs: string[], signal: AbortSignal, onLine: (line: PointLine | DoneLine) => void, seen: boolean) => Promise<void>} points
 * @property {(id: string, at: At, kind: string, more?: { a?: string | number, b?: string | number, effort?: number }) => Promise<SavedFile>} file
 * @property {(id: string, kind: string, map: string, signal: AbortSignal, onPart: (part: SweepPart) => void) => Promise<SavedFile>} sweep
 * @property {(id: string, codec: string, setting: number) => Promise<SavedFile>} rivalFile
 * @property {(id: string, signal?: AbortSignal) => Promise<SearchesOf>} searches
 * @property {(id: string, query: At & { effort: number }, signal: AbortSignal, onLine: (line: SearchLine) => void) => Promise<void>} search
 * @property {(id: string, target: Record<string, number>, map: string, signal?: AbortSignal) => Promise<Target>} solve
 * @property {() => Promise<any>} plotly
 */

/** @typedef {{ name: string, blob: Blob }} SavedFile */
/**
 * As fetch; sent: told how many bytes of the body have arrived, where that is known.
 * @typedef {(url: URL, options?: { method?: string, body?: Blob, signal?: AbortSignal, sent?: (bytes: number) => void }) => Promise<globalThis.Response>} Send
 */

/**
 * The model of a widget's layout; where no JupyterLab made it, it may be anything.
 * @typedef {{ comm_live?: boolean, on?: WidgetModel["on"], off?: WidgetModel["off"] }} WidgetLayout
 */

/**
 * The model of a widget, as anywidget hands it over.
 * @typedef {object} WidgetModel
 * @property {(<Name extends keyof Traits>(name: Name) => Traits[Name]) & ((name: "layout") => WidgetLayout | undefined)} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(type: string, action: (...about: any[]) => void) => void} on
 * @property {(type: string, action: (...about: any[]) => void) => void} off
 * @property {(message: Request | BodyPart | Abort, callbacks?: object, buffers?: ArrayBuffer[]) => void} send
 */

/**
 * What modulators make of λ: of each that `arrays` names, λ × channels. A place is [type, shape, offset].
 * @typedef {Record<string, any> & { header: ModulationHeader & { arrays: Record<string, [string, number[], number]> } }} Gains
 */
